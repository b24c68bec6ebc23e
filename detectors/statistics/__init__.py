"""Statistics on aggregates: functions from arrays of counts to figures. numpy and scipy only.

Nothing here knows Django, the clock, limits or alerts; someone else decides whether a figure
matters. Columns with the same number of bins are stacked: first axis columns, last axis bins.

A `Sample(counts (F, k), totals (F,), noise)` holds F columns of k bins; `Noise(mechanism, scale,
draws)` says what noise a cell holds, `NO_NOISE` is none. An `Estimate` has value, low, high, n of
one shape. Randomness comes in as an `np.random.Generator`. In the list, `current` and `reference`
are Samples.

counts        Sample, Noise, NO_NOISE; fill_suppressed(x, total, r) -> (F, k);
              effective_size(n, k, noise) -> (F,)
ks            ks_test(current, reference, rng) -> gap (F,), p (F,)          ordered bins
quadratic     quadratic_test(current, reference) -> Q (F,), p (F,)          unordered cells
effects       wasserstein, jensen_shannon, hellinger, total_variation, psi (x, r) -> (F,);
              psi_critical(current, reference, level) -> (F,)
              total_variation_interval(current, reference) -> Estimate
chance        chance_limits(current, reference, rng, steps) -> size: what chance alone gives (F,)
moments       moments(sample, places) -> mean, sd; changes(current, reference, places);
              lay_out(edges, reference) -> Places
multiplicity  benjamini_hochberg(p) -> q, one dimension, NaN kept
power         detectable_gap(current, reference), detectable_mean_shift(gap),
              detectable_share_change(p, current, reference), detectable_change(current,
              reference) -> (F,); rows_for_gap, rows_for_change -> rows
proportions   wilson, clopper_pearson, newcombe, two_proportion_test: any broadcastable shapes
integrity     rate_change(current, reference) -> RateChange, with counts and totals (F,);
              volume_interval(volumes (W,)) -> low, high; volume_gone(rows);
              columns_gone(missing, n, ref_missing, m) -> (F,) bool
streams       ordered_streams(counts), unordered_streams(counts), rate_streams(hits, totals, cells)
              -> Streams; a leading axis of windows is allowed
reference     learn_reference(streams of W windows, season_of_window (W,), seasons, level=,
              tolerance=, noise=, dispersion=, told=, like=) -> Limits. Learn once per baseline
              and keep: it costs more than a window
wander        learn_rate(deviation (W,F,E), rows (W,F,1), unit, told (F,E)) -> rate (F,), level,
              spread (F,E); Wander.level, Wander.follow: what `reference` and `e_detector` use
e_detector    initial_state(F, E) -> float32 (F, width); alarm_limit(K, T, A) -> ln c;
              advance(state, streams of one window, limits, season, draws) -> state, log mean (F,);
              restart(state, alarmed (F,)) after an alarm
performance   C thresholds given as bin numbers, positives and negatives (..., k):
              decision_metrics(positives, negatives, cuts, rng, noise) -> name: Estimate (..., C);
              ranking_metrics(positives, negatives, rng, noise) -> name: Estimate (...,);
              probability_metrics(positives, negatives, sums, squares, rng, noise=) -> the same
cbpe          calibrate(positives, negatives, sums (k,), rng, noise) -> Calibration;
              estimate_performance(calibration, counts, sums (k,), cuts (C,), rng, noise=)
              -> name: Estimate (C,), or (1,) for auc and positive_rate
label_shift   positive_share(reference Confusion, predicted, rows, noise, noise_r) -> Estimate;
              class_shares(reference (classes, classes), predicted (classes,), rng) -> Estimate
multiclass    realised_classes, estimate_classes, calibrate_classes over (classes, k) -> Estimates
regression    realised_errors(losses, cells, edges), error_quantiles, estimate_errors(expected,
              counts) -> Estimates; learn_losses(losses, cells, edges) -> Expected
means         mean_of(counts, sums, squares (..., k)) -> Estimate (...,)
quantiles     quantiles(cells, edges, q) -> Quantiles: an Estimate, and where it is only a bound
ranking       ranking_figures(cells, edges, sums, squares) -> name: Estimate
track_record  track_record(estimates (W,), realised (W,)); widened(estimate, past, realised)
slices        worse_than_rest, worse_than_before: Losses (slices,) -> SliceFindings; ranking
decomposition decompose(current, reference Losses) -> total, mix, within, and by slice
second_moments  second_moment_shift(current (d, d), rows, windows (W, d, d), rows (W,))
random_features embedding_shift(current (D,), rows, windows (W, D), rows (W,))
mean_vectors  what both share: how far a vector of means moves between windows anyway
attributions  ranking_agreement(current, reference) -> NDCG; importance_weights
impact        cost_of_change, wrong_decisions of two Confusions; cost_of_loss -> Estimate
fairness      rates, outcome_rates of G groups; largest_difference, smallest_ratio, impact_ratios,
              equalised_odds between them -> Estimate
"""
