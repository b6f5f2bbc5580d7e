//! Builds the sentence about processes that could not be ended.

use crate::process::{SurvivalCause, Survivors};

/// Names the processes that may still be alive; returns `None` if there are none.
pub(crate) fn sentence(survivors: &Survivors) -> Option<String> {
    let of = |wanted: SurvivalCause| {
        let pids: Vec<String> = survivors
            .processes
            .iter()
            .filter(|survivor| survivor.cause == wanted)
            .map(|survivor| survivor.pid.to_string())
            .collect();
        (!pids.is_empty()).then(|| pids.join(", "))
    };
    let mut parts = Vec::new();
    if let Some(pids) = of(SurvivalCause::HangsInKernel) {
        parts.push(format!(
            "these processes hang in the kernel and could not be ended: {pids}"
        ));
    }
    if let Some(pids) = of(SurvivalCause::NotPermitted) {
        parts.push(format!(
            "these processes run as another user and could not be ended: {pids}"
        ));
    }
    if survivors.has_unseen {
        parts.push(
            "something that the tool started is still alive, and `/proc` does not show what: look for \
             processes that left the tool's process group"
                .to_owned(),
        );
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Survivor;

    #[test]
    fn every_survivor_is_told() {
        let survivor = |pid, cause| Survivor { pid, cause };
        assert_eq!(sentence(&Survivors::default()), None);
        let told = sentence(&Survivors {
            processes: vec![
                survivor(1, SurvivalCause::HangsInKernel),
                survivor(2, SurvivalCause::NotPermitted),
                survivor(3, SurvivalCause::HangsInKernel),
            ],
            has_unseen: true,
        })
        .unwrap();
        for wanted in [
            "hang in the kernel and could not be ended: 1, 3;",
            "as another user and could not be ended: 2;",
            "`/proc` does not show",
        ] {
            assert!(told.contains(wanted), "{told}");
        }
    }
}
