"""Values: frozen, plain, without input or output."""
