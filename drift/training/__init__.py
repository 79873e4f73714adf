"""Networks that learn, session after session, on engines that compute the same."""
