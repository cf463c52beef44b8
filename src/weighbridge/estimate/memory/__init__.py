"""Memory of a training step: states, activations, buffers, and the moment where they stand highest."""
