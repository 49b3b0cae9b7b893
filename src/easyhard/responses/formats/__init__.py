"""One small file for each format of result logs; what they share is in ``responses.log``."""
