"""The demonstration: one weekend of releases through the whole house; nothing is lost and nothing doubled."""
