"""The pages where developers register and manage applications."""
