"""A small service on the real chassis: it counts what prisons say of a release and tells that the clocks run."""
