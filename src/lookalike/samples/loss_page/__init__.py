"""The page of losses: ten digits in the plane under each loss, made by training."""
