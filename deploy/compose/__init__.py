"""What docker-compose.yml needs besides images: its secrets and a token for development."""
