//! The rows of a chain's result, from top to bottom: in bands, or kept aside where their order changes.

use super::{MakeAside, Resources, RunError, TakeRow, aside, bands};
use crate::operation::Chain;
use crate::picture::rows::RowReader;

/// Gives the rows of the result of `chain`.
pub(super) fn rows(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
    make_aside: &mut MakeAside<'_>,
    take: &mut TakeRow<'_>,
) -> Result<(), RunError> {
    if chain.turn().keeps_row_order() {
        bands::rows(reader, chain, resources, take)
    } else {
        aside::rows(reader, chain, resources, make_aside, take)
    }
}
