"""The service's console in the browser: pages on the same application, with the same keys and roles."""
