"""Newton's method, the Hessian and the metric at the mode, and what follows from them."""
