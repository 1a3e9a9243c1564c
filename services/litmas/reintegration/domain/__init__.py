"""The rules of a report about an adult."""
