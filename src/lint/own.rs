//! keyward's own plan in a script: what `keyward plan --output sql` wrote for this manifest, unchanged, is no finding.

use crate::manifest::Manifest;
use crate::plan;

/// Returns the length of the plan that a comment begins: if it is one, for this manifest, and nobody has changed it. `rest` starts with the comment.
pub(crate) fn own_plan(comment: &str, rest: &str, manifest: &Manifest) -> Option<usize> {
    if !comment.starts_with(plan::STAMP) {
        return None;
    }
    plan::stamped(rest, &manifest.sha256()).map(str::len)
}
