"""The pages of a user's account: sign-in and sign-up, password, profile, history and connected applications."""
