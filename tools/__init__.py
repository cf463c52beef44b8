"""Programs that write parts of the package from measurements of others."""
