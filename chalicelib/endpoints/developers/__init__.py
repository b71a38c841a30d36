"""The pages where developers register and look after their applications."""
