data {
  int<lower=1> n_persons;
  int<lower=1> n_items;
  int<lower=1> n_responses;
  array[n_responses] int<lower=1, upper=n_persons> person;
  array[n_responses] int<lower=1, upper=n_items> item;
  array[n_responses] int<lower=0, upper=1> response;
  vector[n_items] log_a_mean;
  vector<lower=0>[n_items] log_a_sd;
  vector[n_items] b_mean;
  vector<lower=0>[n_items] b_sd;
}
parameters {
  vector[n_items] log_a;
  vector[n_items] b;
  vector[n_persons] theta;
}
transformed parameters {
  vector[n_items] a = exp(log_a);
}
model {
  log_a ~ normal(log_a_mean, log_a_sd);
  b ~ normal(b_mean, b_sd);
  theta ~ std_normal();
  response ~ bernoulli_logit(a[item] .* (theta[person] - b[item]));
}
