//! A seed → a series of memory of a known shape, with what real ones come with: noise, teeth, gaps, restarts. Knows nothing of
//! how a verdict is found.

use leakspy::analysis::verdict::{Kind, Run, Sample, Series};

pub const MIB: f64 = 1024.0 * 1024.0;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Evenly in the logarithm.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        (low.ln() + (high / low).ln() * self.unit()).exp()
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }

    /// Box and Muller.
    pub fn gauss(&mut self) -> f64 {
        (-2.0 * self.unit().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Student's t with three degrees of freedom, of about unit spread: rare, large outliers.
    pub fn heavy(&mut self) -> f64 {
        let chi: f64 = (0..3).map(|_| self.gauss().powi(2)).sum();
        self.gauss() / (chi / 3.0).sqrt()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    None,
    Gauss,
    Heavy,
    /// Follows the level.
    Multiplicative,
    /// AR(1) with this coefficient.
    Correlated(f64),
    /// A random walk between two walls, so many points from one to the other.
    Walk(f64),
}

/// `n` values of unit spread or so.
pub fn noise(kind: Noise, n: usize, dice: &mut Dice) -> Vec<f64> {
    match kind {
        Noise::None => vec![0.0; n],
        Noise::Gauss | Noise::Multiplicative => (0..n).map(|_| dice.gauss()).collect(),
        Noise::Heavy => (0..n).map(|_| dice.heavy()).collect(),
        Noise::Correlated(phi) => {
            let mut at = dice.gauss();
            let step = (1.0 - phi * phi).sqrt();
            (0..n)
                .map(|_| {
                    at = phi * at + step * dice.gauss();
                    at
                })
                .collect()
        }
        Noise::Walk(points) => {
            let wall = 1.7;
            let step = 2.0 * wall / points.sqrt();
            let mut at = dice.between(-wall, wall);
            (0..n)
                .map(|_| {
                    at += step * dice.gauss();
                    while at.abs() > wall {
                        at = at.signum() * 2.0 * wall - at;
                    }
                    at
                })
                .collect()
        }
    }
}

pub fn any_noise(n: usize, dice: &mut Dice) -> Noise {
    match dice.below(6) {
        0 => Noise::None,
        1 => Noise::Gauss,
        2 => Noise::Heavy,
        3 => Noise::Multiplicative,
        4 => Noise::Correlated(dice.between(0.3, 0.95)),
        _ => Noise::Walk(dice.log_between(4.0, (n as f64 / 8.0).max(5.0))),
    }
}

/// How teeth fall, between 0 and 1, irregular by a fifth: up slowly, down at once. `period` in points.
pub fn teeth(n: usize, period: f64, dice: &mut Dice) -> Vec<f64> {
    let mut out = Vec::with_capacity(n);
    let mut phase = dice.unit();
    let mut length = period;
    let mut height = 1.0;
    for _ in 0..n {
        out.push(phase * height);
        phase += 1.0 / length;
        if phase >= 1.0 {
            phase = 0.0;
            length = period * dice.between(0.8, 1.2);
            height = dice.between(0.8, 1.2);
        }
    }
    out
}

/// The lasting part of a shape, between 0 and 1, over time from 0 to 1.
#[derive(Clone, Debug)]
pub enum Shape {
    Flat,
    /// A straight rise, from this moment on.
    Rise(f64),
    /// A rise in so many stairs.
    Stairs(usize),
    /// Filled by then, straight.
    Filled(f64),
    /// Filled exponentially with this time constant.
    Saturated(f64),
    /// Jumps: when, how much, how long each takes.
    Jumps(Vec<(f64, f64)>, f64),
}

impl Shape {
    pub fn truth(&self) -> Kind {
        match self {
            Shape::Flat => Kind::Sawtooth,
            Shape::Rise(_) | Shape::Stairs(_) => Kind::Leak,
            Shape::Filled(_) | Shape::Saturated(_) => Kind::EarlyExplosion,
            Shape::Jumps(..) => Kind::Surge,
        }
    }

    pub fn at(&self, t: f64) -> f64 {
        match self {
            Shape::Flat => 0.0,
            Shape::Rise(from) => ((t - from) / (1.0 - from)).max(0.0),
            Shape::Stairs(n) => (t * *n as f64).floor() / *n as f64,
            Shape::Filled(by) => (t / by).min(1.0),
            Shape::Saturated(tau) => 1.0 - (-t / tau).exp(),
            Shape::Jumps(jumps, takes) => {
                jumps.iter().map(|(when, by)| by * ((t - when) / takes.max(1e-9)).clamp(0.0, 1.0)).sum()
            }
        }
    }

    pub fn any(of: Kind, dice: &mut Dice) -> Shape {
        match of {
            Kind::Leak => match dice.below(4) {
                0 => Shape::Stairs(6 + dice.below(25)),
                1 => Shape::Rise(dice.between(0.1, 0.55)),
                _ => Shape::Rise(0.0),
            },
            Kind::EarlyExplosion => match dice.below(2) {
                0 => Shape::Filled(dice.between(0.02, 0.2)),
                _ => Shape::Saturated(dice.between(0.02, 0.09)),
            },
            Kind::Surge => {
                let takes = if dice.chance(0.5) { 0.0 } else { dice.between(0.0, 0.03) };
                if dice.chance(0.25) {
                    let part = dice.between(0.3, 0.7);
                    let first = dice.between(0.25, 0.5);
                    let second = first + dice.between(0.15, 0.35);
                    Shape::Jumps(vec![(first, part), (second, 1.0 - part)], takes)
                } else {
                    Shape::Jumps(vec![(dice.between(0.2, 0.88), 1.0)], takes)
                }
            }
            _ => Shape::Flat,
        }
    }
}

/// A series that was made, and what it is.
#[derive(Debug)]
pub struct Made {
    pub series: Series,
    pub truth: Kind,
    pub points: usize,
    /// How it was made.
    pub about: String,
}

/// All that a series is made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub points: usize,
    pub shape: Shape,
    /// The level below, in bytes.
    pub base: f64,
    /// What lasts, in bytes.
    pub lasting: f64,
    pub noise: Noise,
    /// Of the noise, in bytes.
    pub spread: f64,
    /// Period in points and height in bytes.
    pub teeth: Option<(f64, f64)>,
    pub restarts: usize,
    pub gaps: usize,
    /// Seconds from look to look.
    pub every: f64,
}

impl Recipe {
    pub fn flat(points: usize) -> Recipe {
        Recipe {
            points,
            shape: Shape::Flat,
            base: 200.0 * MIB,
            lasting: 100.0 * MIB,
            noise: Noise::Gauss,
            spread: 2.0 * MIB,
            teeth: None,
            restarts: 0,
            gaps: 0,
            every: 1.0,
        }
    }

    pub fn any(of: Kind, dice: &mut Dice) -> Recipe {
        let points = dice.log_between(50.0, 5001.0) as usize;
        let base = dice.log_between(20.0, 4000.0) * MIB;
        let lasting = base * dice.log_between(0.15, 3.0);
        let noise = any_noise(points, dice);
        let spread = lasting * dice.log_between(0.003, 0.06);
        let most = (points as f64 / 3.0).min(2000.0);
        let period = dice.log_between(5.0, most);
        let teeth = match of {
            Kind::Sawtooth => dice.chance(0.75).then(|| (period, base * dice.log_between(0.05, 1.0))),
            _ => dice.chance(0.5).then(|| {
                let period = dice.log_between(5.0, (points as f64 / 6.0).max(6.0));
                (period, lasting * dice.log_between(0.05, 0.6))
            }),
        };
        let restarts = match points {
            ..150 => usize::from(dice.chance(0.15)),
            150..600 => {
                if dice.chance(0.25) {
                    1 + dice.below(2)
                } else {
                    0
                }
            }
            _ => {
                if dice.chance(0.25) {
                    1 + dice.below(3)
                } else {
                    0
                }
            }
        };
        let gaps = if dice.chance(0.35) { 1 + dice.below(3) } else { 0 };
        let every = [0.1, 1.0, 10.0, 60.0][dice.below(4)];
        Recipe { points, shape: Shape::any(of, dice), base, lasting, noise, spread, teeth, restarts, gaps, every }
    }

    pub fn make(&self, dice: &mut Dice) -> Made {
        let n = self.points;
        let noise = noise(self.noise, n, dice);
        let teeth = self.teeth.map(|(period, height)| (teeth(n, period, dice), height));
        // Each life of the process goes through its shape from the start; a surge happens in one of them.
        let lives = self.restarts + 1;
        let length = n.div_ceil(lives);
        let surging = dice.below(lives);
        let mut runs = Vec::new();
        let mut clock = 1.7e9;
        let away: Vec<(usize, f64, bool)> =
            (0..self.gaps).map(|_| (dice.below(n), dice.between(0.03, 0.12) * n as f64, dice.chance(0.5))).collect();
        for life in 0..lives {
            let started = clock;
            let mut samples = Vec::new();
            for i in life * length..((life + 1) * length).min(n) {
                clock += self.every * dice.between(0.95, 1.05);
                let mut missed = false;
                for (at, long, asleep) in &away {
                    if i == *at && *asleep {
                        // Asleep: the clock went on and the process did not.
                        clock += long * self.every;
                    }
                    missed |= !asleep && i > *at && (i as f64) < *at as f64 + long;
                }
                if missed {
                    continue;
                }
                let t = (i - life * length) as f64 / length as f64;
                let lasting = match self.shape {
                    Shape::Jumps(..) if life != surging => 0.0,
                    ref shape => shape.at(t) * self.lasting,
                };
                let mut bytes = self.base + lasting;
                if let Some((teeth, height)) = &teeth {
                    bytes += teeth[i] * height;
                }
                bytes += match self.noise {
                    Noise::Multiplicative => noise[i] * self.spread * bytes / (self.base + self.lasting),
                    _ => noise[i] * self.spread,
                };
                // Memory comes in pages.
                let bytes = (bytes.max(MIB) / 4096.0).round() * 4096.0;
                samples.push(Sample { at: clock, bytes, collections: None });
            }
            runs.push(Run { started: Some(started), samples });
        }
        let points = runs.iter().map(|run| run.samples.len()).sum();
        Made { series: Series { runs, limit: None }, truth: self.shape.truth(), points, about: format!("{self:?}") }
    }
}

/// Series `seed` of a shape.
pub fn any(of: Kind, seed: u64) -> Made {
    let mut dice = Dice::new(seed);
    Recipe::any(of, &mut dice).make(&mut dice)
}

/// A flat one with noise that is easily taken for a trend.
pub fn flat(seed: u64) -> Made {
    let mut dice = Dice::new(seed ^ 0xf1a7);
    let points = dice.log_between(50.0, 5001.0) as usize;
    let noise = match dice.below(5) {
        0 => Noise::Gauss,
        1 => Noise::Heavy,
        2 => Noise::Correlated(dice.between(0.5, 0.97)),
        3 => Noise::Correlated(1.0 - 1.0 / (points as f64 / dice.log_between(10.0, 40.0)).max(1.1)),
        _ => Noise::Walk(dice.log_between(4.0, points as f64 / 6.0)),
    };
    let base = dice.log_between(20.0, 4000.0) * MIB;
    let recipe = Recipe {
        noise,
        base,
        spread: base * dice.log_between(0.001, 0.1),
        gaps: if dice.chance(0.2) { 1 + dice.below(2) } else { 0 },
        ..Recipe::flat(points)
    };
    recipe.make(&mut dice)
}
