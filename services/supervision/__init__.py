"""The guidance of registered clients: stages, reporting-in, programmes, breaches."""
