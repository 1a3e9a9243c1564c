"""Registration: a released client reports to the probation office, at any hour, at any outpost."""
