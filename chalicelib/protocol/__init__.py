"""OAuth's rules. The only home of oauthlib; endpoints ask, models keep."""
