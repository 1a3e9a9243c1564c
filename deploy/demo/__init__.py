"""The demonstration: one weekend of releases through the whole house, and the proof that nothing was lost or doubled."""
