"""How long a training step takes, and what it waits for."""
