"""The whole house, from the prison gate to the officer's mailbox, on a stack of its own."""
