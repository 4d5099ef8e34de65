//! The rule of what `--sample` finds; the looking is in `audit::sample`.

use crate::audit::finding::Severity;
use crate::audit::rule::Declared;

pub(super) const RULES: &[Declared] = &[(
    "KW316",
    Severity::Error,
    "keys lie in another column",
    "Values there equal keys, or contain them: copies that sealing doesn't reach.",
    "Empty the column, or name it as another [[keys]] of the manifest; make keys anew that lay there.",
)];
