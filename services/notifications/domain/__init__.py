"""The rules of notifications, pure: who is told what, who that is, and the life of a notice."""
