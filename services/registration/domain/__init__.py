"""The rules of registration, pure: the case, what prisons report, what officers do, what time does."""
