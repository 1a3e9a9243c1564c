"""Real processes on a real Kafka and PostgreSQL, ended or stopped in the middle of what they do."""
