"""Hearings of the assessment team: agenda, quorum, opinions, votes, decisions, minutes."""
