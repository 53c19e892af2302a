"""What the numbers are worth: keys, priors, links, dependence, common ability, a given population."""
