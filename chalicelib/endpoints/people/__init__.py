"""The pages of a user's account: log-in and sign-up, password, profile, history and connected applications."""
