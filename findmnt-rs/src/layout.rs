//! Computes the widths of columns: each is as wide as its longest cell. On a terminal, all columns together
//! must fit.

use crate::columns::{Column, Layout, Width};

/// The width that the cells of a column need.
#[derive(Clone, Debug)]
pub struct Need {
    width: Width,
    layout: Layout,
    heading: usize,
    longest: usize,
    /// The width of every cell, for columns that a few long cells do not make wide.
    cells: Vec<u32>,
    is_uneven: bool,
}

impl Need {
    /// The single widths matter only on a terminal.
    pub fn new(column: &Column, heading: usize, no_truncate: bool, on_terminal: bool) -> Self {
        let layout = match column.layout {
            Layout::Cut if no_truncate => Layout::Left,
            layout => layout,
        };
        let is_uneven = on_terminal && matches!(layout, Layout::Uneven | Layout::Tree);
        let (width, cells) = (column.width, Vec::new());
        Self { width, layout, heading, longest: 0, cells, is_uneven }
    }

    /// Adds a cell of this width.
    pub fn add(&mut self, width: usize) {
        self.longest = self.longest.max(width);
        if self.is_uneven {
            self.cells.push(width as u32);
        }
    }

    /// The width of the longest cell.
    pub fn full(&self) -> usize {
        self.holding(self.longest)
    }

    fn holding(&self, longest: usize) -> usize {
        match self.width {
            Width::Columns(columns) if self.layout == Layout::Strict => columns.max(longest),
            _ if longest < self.heading => self.heading,
            Width::Columns(columns) => longest.max(columns),
            Width::Part(_) => longest,
        }
    }

    /// The width of the longest cell that is at most twice as long as the average.
    fn usual(&self) -> usize {
        if self.cells.is_empty() {
            return self.full();
        }
        let sum: usize = self.cells.iter().map(|&width| width as usize).sum();
        let limit = 2 * (sum / self.cells.len());
        let usual = self.cells.iter().filter(|&&width| width as usize <= limit).max();
        self.holding(usual.copied().unwrap_or(0) as usize)
    }

    /// The smallest width of the column; the largest number if it keeps its width.
    fn least(&self) -> usize {
        match self.width {
            Width::Part(_) => self.heading.max(1),
            Width::Columns(_) => usize::MAX,
        }
    }

    /// The smallest width while other columns can still shrink: just below its part of the terminal.
    fn share(&self, terminal: usize) -> usize {
        let least = self.least();
        match self.width {
            Width::Part(part) => ((part * terminal as f64) as usize).saturating_sub(1).max(least),
            Width::Columns(_) => least,
        }
    }
}

/// The widths of columns on a terminal. If they do not fit, columns with a few long cells shrink first. Then
/// columns that may be cut shrink to their part of the terminal, and further if needed. Then all others shrink.
pub fn fit(needs: &[Need], terminal: usize) -> Vec<usize> {
    let mut widths: Vec<_> = needs.iter().map(Need::full).collect();
    if total(&widths) > terminal {
        for (width, need) in widths.iter_mut().zip(needs) {
            *width = need.usual();
        }
        grow(&mut widths, needs, terminal);
    }
    let is_cut = |need: &Need| need.layout == Layout::Cut;
    shrink(&mut widths, needs, terminal, |need| is_cut(need).then(|| need.share(terminal)));
    shrink(&mut widths, needs, terminal, |need| is_cut(need).then(|| need.least()));
    shrink(&mut widths, needs, terminal, |need| Some(need.least()));
    if let (Some(last), Some(need)) = (widths.last().copied(), needs.last())
        && need.layout != Layout::Right
        && total(&widths) < terminal
    {
        let at = widths.len() - 1;
        widths[at] = last + terminal - total(&widths);
    }
    widths
}

/// The width of all columns and the blanks between them.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + widths.len().saturating_sub(1)
}

/// Gives the free space to the first columns that can use it.
fn grow(widths: &mut [usize], needs: &[Need], terminal: usize) {
    for at in 0..widths.len() {
        let free = terminal.saturating_sub(total(widths));
        widths[at] += free.min(needs[at].full() - widths[at]);
    }
}

/// Takes width from each column in turn, down to its floor. Columns without a floor keep their width.
fn shrink(
    widths: &mut [usize],
    needs: &[Need],
    terminal: usize,
    floor: impl Fn(&Need) -> Option<usize>,
) {
    let mut excess = total(widths).saturating_sub(terminal);
    while excess > 0 {
        let before = excess;
        for (width, need) in widths.iter_mut().zip(needs) {
            if excess > 0 && floor(need).is_some_and(|floor| *width > floor) {
                *width -= 1;
                excess -= 1;
            }
        }
        if excess == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns;

    fn needs(cells: &[(&str, &[usize])]) -> Vec<Need> {
        cells
            .iter()
            .map(|(name, widths)| {
                let column = columns::find(name.as_bytes()).unwrap();
                let mut need = Need::new(column, name.len(), false, true);
                widths.iter().for_each(|&width| need.add(width));
                need
            })
            .collect()
    }

    #[test]
    fn full_widths() {
        let needs = needs(&[("SIZE", &[4]), ("SIZE", &[0]), ("TARGET", &[3]), ("UUID", &[7])]);
        let widths: Vec<_> = needs.iter().map(Need::full).collect();
        assert_eq!(widths, [5, 4, 6, 36]);
    }

    #[test]
    fn what_fits_is_not_cut() {
        let needs = needs(&[("TARGET", &[20]), ("SOURCE", &[10]), ("OPTIONS", &[30])]);
        assert_eq!(fit(&needs, 100), [20, 10, 68]);
    }

    #[test]
    fn options_give_way_before_targets() {
        let needs = needs(&[("TARGET", &[40]), ("SOURCE", &[10]), ("OPTIONS", &[60])]);
        assert_eq!(fit(&needs, 80), [40, 10, 28]);
    }

    #[test]
    fn a_long_target_gives_way_first() {
        let needs = needs(&[("TARGET", &[10, 10, 10, 70]), ("OPTIONS", &[50])]);
        assert_eq!(fit(&needs, 80), [29, 50]);
    }

    #[test]
    fn a_terminal_of_no_width_stops() {
        let needs = needs(&[("TARGET", &[10]), ("SIZE", &[5]), ("OPTIONS", &[50])]);
        assert_eq!(fit(&needs, 0).len(), 3);
    }
}
