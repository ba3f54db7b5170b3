"""Who is near, exactly."""
