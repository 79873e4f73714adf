"""Pictures of what decides whether a code drifts: ceiling, readouts, life tables, frozen twins,
geometry."""
