//! The same seed and the same moments give the same world, whoever asks and in whichever order.

use proptest::prelude::*;

use super::*;

fn outcomes(seed: u64, moments: &[f64], turn: usize) -> Vec<BTreeMap<Source, Outcome>> {
    let mut fixture = ObservedFixture::new(seed, Scenario::Demo);
    moments.iter().map(|moment| fixture.ask_all(at(*moment), turn)).collect()
}

#[test]
fn the_same_seed_tells_the_same_and_another_seed_another() {
    let moments = [0.0, 1.0, 2.5, 60.0, 400.0];
    assert_eq!(outcomes(1, &moments, 0), outcomes(1, &moments, 0));
    assert_ne!(outcomes(1, &moments, 0), outcomes(2, &moments, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_sources_ask_does_not_matter(seed in any::<u64>(), turn in 1_usize..30) {
        let moments = [0.0, 3.0, 47.3, 362.0];
        prop_assert_eq!(outcomes(seed, &moments, 0), outcomes(seed, &moments, turn));
    }

    #[test]
    fn how_often_somebody_asked_before_does_not_matter(seed in any::<u64>(), pace in 1_u32..40) {
        let often: Vec<f64> = (0..=400 / pace).map(|step| f64::from(step * pace)).chain([400.0]).collect();
        prop_assert_eq!(outcomes(seed, &often, 0).pop(), outcomes(seed, &[400.0], 0).pop());
    }
}

#[test]
fn an_earlier_moment_leaves_the_world_where_it_is() {
    let mut fixture = ObservedFixture::calm();
    let later = fixture.ask_all(at(30.0), 0);
    assert_eq!(fixture.ask_all(at(29.0), 3), later);
}
