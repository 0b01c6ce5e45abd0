//! Arranges mounts as a tree, in linear time.

use crate::table::{Mount, Table};

/// A mount to show, and its position in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index in [`Table::mounts`].
    pub mount: u32,
    /// The number of shown ancestors.
    pub depth: u32,
    /// No sibling follows.
    pub last: bool,
}

impl Row {
    /// A row of a list.
    pub fn flat(mount: usize) -> Self {
        Self { mount: mount as u32, depth: 0, last: true }
    }
}

/// The children of each mount, sorted by id, which is the order in which they were mounted.
pub struct Children {
    /// The index of each mount's first child in `mounts`, and one more index at the end.
    first: Vec<u32>,
    mounts: Vec<u32>,
    parents: Vec<Option<u32>>,
}

impl Children {
    /// Finds the children of all mounts. Children of a mount that is `gone` go to the nearest ancestor that is
    /// not. An empty list means that no mount is gone.
    pub fn new(table: &Table, gone: &[bool]) -> Self {
        let order = by_id(&table.mounts);
        let mut parents = parents(&table.mounts, &order);
        if !gone.is_empty() {
            pass_on(&mut parents, gone);
        }
        let mut first = vec![0; table.mounts.len() + 1];
        for parent in parents.iter().flatten() {
            first[*parent as usize + 1] += 1;
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }

        let mut next = first.clone();
        let mut mounts = vec![0; *first.last().unwrap_or(&0) as usize];
        for &mount in &order {
            if let Some(parent) = parents[mount as usize] {
                let slot = &mut next[parent as usize];
                mounts[*slot as usize] = mount;
                *slot += 1;
            }
        }
        Self { first, mounts, parents }
    }

    /// The children of the mount with the index `mount`.
    pub fn of(&self, mount: u32) -> &[u32] {
        let mount = mount as usize;
        &self.mounts[self.first[mount] as usize..self.first[mount + 1] as usize]
    }

    /// The parent of the mount with the index `mount`.
    pub fn parent(&self, mount: u32) -> Option<u32> {
        self.parents[mount as usize]
    }

    /// The root file system: the uppermost ancestor of the mount with the smallest parent id. The kernel reuses
    /// ids, so the id of the root may be large.
    fn root(&self, table: &Table) -> Option<u32> {
        let first = (0..self.parents.len() as u32)
            .min_by_key(|&mount| table.mounts[mount as usize].parent)?;
        let ancestors = std::iter::successors(Some(first), |&mount| self.parent(mount));
        ancestors.take(self.parents.len()).last()
    }

    /// Mounts whose parent is not in the table.
    fn orphans(&self) -> impl Iterator<Item = u32> {
        (0..self.parents.len() as u32).filter(|&mount| self.parent(mount).is_none())
    }
}

/// The indexes of all mounts, sorted by id.
fn by_id(mounts: &[Mount]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..mounts.len() as u32).collect();
    order.sort_by_key(|&mount| mounts[mount as usize].id);
    order
}

/// The index of each mount's parent. Neighbours mostly have the same parent, so the last one is tried first.
fn parents(mounts: &[Mount], order: &[u32]) -> Vec<Option<u32>> {
    let mut last = None;
    let find = |mount: &Mount| {
        if mount.parent == mount.id {
            return None;
        }
        if let Some((id, place)) = last
            && id == mount.parent
        {
            return place;
        }
        let at = order.partition_point(|&place| mounts[place as usize].id < mount.parent);
        let place = order.get(at).copied();
        let place = place.filter(|&place| mounts[place as usize].id == mount.parent);
        last = Some((mount.parent, place));
        place
    };
    mounts.iter().map(find).collect()
}

/// Gives the children of mounts that are gone to the nearest ancestor that is not.
fn pass_on(parents: &mut [Option<u32>], gone: &[bool]) {
    for mount in 0..parents.len() {
        let is_gone = |parent: &u32| gone[*parent as usize];
        let mut steps = 0;
        let mut heir = parents[mount];
        while let Some(parent) = heir.filter(is_gone) {
            steps += 1;
            // More steps than mounts: the mounts form a loop.
            heir = parents[parent as usize].filter(|_| steps <= gone.len());
        }
        // All mounts on the way get the same heir, so that the next walk is short.
        let mut at = mount as u32;
        for _ in 0..=steps {
            match std::mem::replace(&mut parents[at as usize], heir) {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
}

/// The chosen mounts of the whole table as trees, each beneath its nearest chosen ancestor. The tree of the
/// root file system comes first.
pub fn whole(table: &Table, gone: &[bool], chosen: impl FnMut(u32) -> bool) -> Vec<Row> {
    let children = Children::new(table, gone);
    let mut walk = Walk::new(table.mounts.len(), &children, chosen);
    children.root(table).into_iter().chain(children.orphans()).for_each(|mount| walk.from(mount));
    // Mounts in a loop have no root. A file may contain such mounts; the kernel's table does not.
    (0..table.mounts.len() as u32).for_each(|mount| walk.from(mount));
    walk.finish()
}

/// The chosen mounts in the table's order, each with all that is mounted beneath it.
pub fn submounts(table: &Table, gone: &[bool], chosen: impl IntoIterator<Item = u32>) -> Vec<Row> {
    let children = Children::new(table, gone);
    let is_gone = |mount| gone.get(mount as usize).is_some_and(|&gone| gone);
    let mut walk = Walk::new(table.mounts.len(), &children, |mount| !is_gone(mount));
    chosen.into_iter().for_each(|mount| walk.from(mount));
    walk.finish()
}

struct Walk<'a, F> {
    children: &'a Children,
    chosen: F,
    seen: Vec<bool>,
    rows: Vec<Row>,
}

impl<'a, F: FnMut(u32) -> bool> Walk<'a, F> {
    fn new(count: usize, children: &'a Children, chosen: F) -> Self {
        Self { children, chosen, seen: vec![false; count], rows: Vec::with_capacity(count) }
    }

    /// Visits the tree beneath `mount`, parents before children. It does not recurse, because mounts may be
    /// stacked without limit.
    fn from(&mut self, mount: u32) {
        if self.seen[mount as usize] {
            return;
        }
        let mut stack = vec![(mount, 0)];
        while let Some((mount, depth)) = stack.pop() {
            if std::mem::replace(&mut self.seen[mount as usize], true) {
                continue;
            }
            let shown = (self.chosen)(mount);
            if shown {
                self.rows.push(Row { mount, depth, last: true });
            }
            let depth = depth + u32::from(shown);
            let children = self.children.of(mount).iter().rev();
            stack.extend(children.map(|&child| (child, depth)));
        }
    }

    fn finish(mut self) -> Vec<Row> {
        mark_last(&mut self.rows);
        self.rows
    }
}

/// Sets [`Row::last`]: a sibling follows if a row of the same depth comes before a row of a smaller depth.
fn mark_last(rows: &mut [Row]) {
    let mut following: Vec<bool> = Vec::new();
    for row in rows.iter_mut().rev() {
        let depth = row.depth as usize;
        following.resize(depth + 1, false);
        row.last = !std::mem::replace(&mut following[depth], true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Kind;

    fn table(ids: &[(u32, u32)]) -> Table {
        let mut table = Table::new(Kind::Kernel, Vec::new());
        let mount = |&(id, parent)| Mount { id, parent, ..Mount::default() };
        table.mounts = ids.iter().map(mount).collect();
        table
    }

    fn shown(table: &Table, rows: &[Row]) -> Vec<(u32, u32, bool)> {
        let id = |row: &Row| table.mounts[row.mount as usize].id;
        rows.iter().map(|row| (id(row), row.depth, row.last)).collect()
    }

    #[test]
    fn children_come_in_the_order_of_ids() {
        let table = table(&[(10, 1), (13, 10), (12, 10), (14, 12)]);
        let rows = whole(&table, &[], |_| true);
        let want = [(10, 0, true), (12, 1, false), (14, 2, true), (13, 1, true)];
        assert_eq!(shown(&table, &rows), want);
    }

    #[test]
    fn a_mount_that_is_left_out_leaves_its_children_to_its_parent() {
        let table = table(&[(1, 0), (2, 1), (3, 2), (4, 2), (5, 1)]);
        let rows = whole(&table, &[], |mount| mount != 1);
        let want = [(1, 0, true), (3, 1, false), (4, 1, false), (5, 1, true)];
        assert_eq!(shown(&table, &rows), want);
    }

    #[test]
    fn children_of_what_is_gone_come_in_the_order_of_ids_too() {
        let table = table(&[(1, 0), (2, 1), (3, 1), (4, 3), (5, 2), (6, 5)]);
        let gone = [false, true, true, false, true, false];
        let rows = whole(&table, &gone, |mount| !gone[mount as usize]);
        let want = [(1, 0, true), (4, 1, false), (6, 1, true)];
        assert_eq!(shown(&table, &rows), want);
        assert_eq!(shown(&table, &submounts(&table, &gone, [0])), want);
    }

    #[test]
    fn all_of_a_loop_may_be_gone() {
        let table = table(&[(1, 2), (2, 3), (3, 1), (4, 1)]);
        let gone = [true, true, true, false];
        let rows = whole(&table, &gone, |mount| !gone[mount as usize]);
        assert_eq!(shown(&table, &rows), [(4, 0, true)]);
    }

    #[test]
    fn the_root_comes_first_and_loops_are_shown_once() {
        let table = table(&[(5, 4), (10, 1), (20, 21), (21, 20), (7, 7)]);
        let ids: Vec<_> =
            shown(&table, &whole(&table, &[], |_| true)).iter().map(|&(id, ..)| id).collect();
        assert_eq!(ids, [10, 5, 7, 20, 21]);
    }

    #[test]
    fn submounts_of_submounts_are_not_repeated() {
        let table = table(&[(1, 0), (2, 1), (3, 2), (4, 1)]);
        let rows = submounts(&table, &[], [1, 2]);
        assert_eq!(shown(&table, &rows), [(2, 0, true), (3, 1, true)]);
    }

    #[test]
    fn a_hundred_thousand_stacked_mounts_overflow_nothing() {
        let ids: Vec<_> = (1..100_000).map(|id| (id, id - 1)).collect();
        let table = table(&ids);
        assert_eq!(whole(&table, &[], |_| true).last().unwrap().depth, 99_998);
        let gone: Vec<_> = (1..100_000).map(|id| id < 99_999).collect();
        assert_eq!(whole(&table, &gone, |mount| !gone[mount as usize]).len(), 1);
    }
}
