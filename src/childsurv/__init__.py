"""childsurv: population-based childhood cancer survival."""
