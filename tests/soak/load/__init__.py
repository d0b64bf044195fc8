"""Three tenants on one real service: two honest ones are measured, first alone, then beside a hostile one."""
