"""What accounts go by, whatever page or command it is for."""
