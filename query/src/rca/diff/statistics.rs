//! Is it more than chance? The tests behind the comparison.
//!
//! Counts are compared by the log-likelihood ratio G (Dunning, *Accurate Methods for the Statistics of Surprise and
//! Coincidence*, 1993): it holds for rare events, where chi-square does not. Events come in bursts, so the G of counts over time
//! is divided by how much more they scatter from one stretch of the baseline to the next than independent events would
//! (quasi-likelihood). Many tests are made at once; [`adjust`] controls the share of false ones among those
//! called significant (Benjamini and Hochberg, 1995).

/// Twice the log of how much more likely counts `a` and `b` are with a rate each than with one rate, if they were collected over
/// `exposure_a` and `exposure_b`. 0 where the exposures are equal in proportion to the counts.
pub(super) fn g_of_rates(a: f64, exposure_a: f64, b: f64, exposure_b: f64) -> f64 {
    let total = a + b;
    let exposure = exposure_a + exposure_b;
    if total <= 0.0 || exposure_a <= 0.0 || exposure_b <= 0.0 {
        return 0.0;
    }
    let part = |n: f64, share: f64| if n > 0.0 { n * (n / (total * share / exposure)).ln() } else { 0.0 };
    (2.0 * (part(a, exposure_a) + part(b, exposure_b))).max(0.0)
}

/// The same for a table of two columns: whether the rows are distributed alike in both.
pub(super) fn g_of_table(rows: &[(u64, u64)]) -> f64 {
    let sums = rows.iter().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + *a as f64, sums.1 + *b as f64));
    let total = sums.0 + sums.1;
    if sums.0 == 0.0 || sums.1 == 0.0 {
        return 0.0;
    }
    let part = |n: f64, expected: f64| if n > 0.0 { n * (n / expected).ln() } else { 0.0 };
    let of_row = |(a, b): &(u64, u64)| {
        let (a, b) = (*a as f64, *b as f64);
        part(a, (a + b) * sums.0 / total) + part(b, (a + b) * sums.1 / total)
    };
    (2.0 * rows.iter().map(of_row).sum::<f64>()).max(0.0)
}

/// How much more counts of equally long stretches scatter than those of independent events: variance by mean, at least 1.
pub(super) fn dispersion(counts: &[u64]) -> f64 {
    let n = counts.len() as f64;
    let mean = counts.iter().sum::<u64>() as f64 / n;
    if counts.len() < 3 || mean <= 0.0 {
        return 1.0;
    }
    let squares: f64 = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum();
    (squares / (n - 1.0) / mean).max(1.0)
}

/// How likely a value of G is by chance, with so many degrees of freedom: the upper tail of the chi-square distribution.
pub(super) fn p_value(g: f64, degrees: usize) -> f64 {
    upper_gamma(degrees as f64 / 2.0, g / 2.0)
}

/// Adjusts p-values of tests made together: the share of false ones if this and all smaller ones are called significant.
pub(super) fn adjust(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len() as f64;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*b].total_cmp(&p_values[*a]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (from_the_end, index) in order.into_iter().enumerate() {
        let rank = n - from_the_end as f64;
        least = least.min(p_values[index] * n / rank);
        adjusted[index] = least;
    }
    adjusted
}

/// The regularised upper incomplete gamma function Q(a, x), by its series below a + 1 and by Lentz's continued fraction above
/// (Press et al., *Numerical Recipes*, 6.2). Good to about 1e-12.
fn upper_gamma(a: f64, x: f64) -> f64 {
    const STEPS: usize = 500;
    const EPSILON: f64 = 1e-14;
    const TINY: f64 = 1e-300;
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..STEPS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * EPSILON {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..STEPS {
        let n = n as f64;
        let step = -n * (n - a);
        b += 2.0;
        d = 1.0 / nonzero(step * d + b, TINY);
        c = nonzero(b + step / c, TINY);
        fraction *= d * c;
        if (d * c - 1.0).abs() < EPSILON {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// The logarithm of the gamma function of a positive number (Lanczos, g = 7).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = COEFFICIENTS
        .iter()
        .enumerate()
        .fold(0.999_999_999_999_809_9, |sum, (i, coefficient)| sum + coefficient / (x + i as f64 + 1.0));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-3), "{a} is not {b}");
    }

    #[test]
    fn tails_of_chi_square() {
        // From the tables: critical values of 5 % and 1 %, and a far tail.
        close(p_value(3.841_458_821, 1), 0.05);
        close(p_value(6.634_896_601, 1), 0.01);
        close(p_value(18.307_038_05, 10), 0.05);
        close(p_value(0.454_936_423, 1), 0.5);
        assert!(p_value(1000.0, 1) < 1e-200);
        close(p_value(0.0, 3), 1.0);
    }

    #[test]
    fn g_knows_rates_and_tables() {
        close(g_of_rates(10.0, 1.0, 100.0, 10.0), 0.0);
        // 2·10·ln(11)
        close(g_of_rates(10.0, 1.0, 0.0, 10.0), 47.957_905);
        close(g_of_rates(0.0, 1.0, 0.0, 10.0), 0.0);
        close(g_of_table(&[(10, 20), (30, 60)]), 0.0);
        close(g_of_table(&[(10, 0), (0, 10)]), 27.725_887);
        assert_eq!(g_of_table(&[(10, 0), (5, 0)]), 0.0);
    }

    #[test]
    fn bursts_scatter() {
        close(dispersion(&[5, 5, 5, 5]), 1.0);
        close(dispersion(&[0, 20, 0, 0]), 20.0);
        close(dispersion(&[7]), 1.0);
    }

    #[test]
    fn many_tests_are_adjusted() {
        let adjusted = adjust(&[0.01, 0.04, 0.03, 0.005]);
        for (adjusted, expected) in adjusted.into_iter().zip([0.02, 0.04, 0.04, 0.02]) {
            close(adjusted, expected);
        }
        assert_eq!(adjust(&[]), [0.0; 0]);
    }
}
