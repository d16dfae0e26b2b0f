"""Our own small PostgreSQL: the programs of a wheel or of Debian under our supervision."""
