//! The maps of a user namespace: `uid_map` and `gid_map` of user_namespaces(7).

/// A line of a map: `count` numbers from `inside` on are those from `outside` on in the namespace of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Block {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

/// The lines of a map.
pub fn parse(map: &str) -> impl Iterator<Item = Block> {
    map.lines().filter_map(|line| {
        let mut numbers = line.split_ascii_whitespace().map_while(|number| number.parse().ok());
        let (inside, outside, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(Block { inside, outside, count })
    })
}

/// Whether one line of the map holds `count` numbers from `id` on.
#[must_use]
pub fn holds(map: &str, id: u64, count: u64) -> bool {
    parse(map).any(|block| {
        let first = u64::from(block.inside);
        id >= first && id + count <= first + u64::from(block.count)
    })
}

/// The number that `id` of the namespace has outside; none where the map lacks it.
#[must_use]
pub fn outside(map: &str, id: u32) -> Option<u32> {
    parse(map).find_map(|block| {
        let distance = id.checked_sub(block.inside).filter(|&distance| distance < block.count)?;
        block.outside.checked_add(distance)
    })
}

/// Whether the map is that of the machine's first user namespace, every number to itself: only that has all of them.
#[must_use]
pub fn is_of_first_user_namespace(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODMAN: &str = "         0       1000          1\n         1     100000      65536\n";

    #[test]
    fn numbers_of_a_map() {
        for (id, count, want) in
            [(0, 1, true), (0, 2, false), (1, 65536, true), (2, 65536, false), (65537, 1, false)]
        {
            assert_eq!(holds(PODMAN, id, count), want, "{id} {count}");
        }
        assert!(!holds("", 0, 1) && !holds("0 0 x\n", 0, 1));
        assert_eq!(outside(PODMAN, 0), Some(1000));
        assert_eq!(outside(PODMAN, 65536), Some(165535));
        assert_eq!(outside(PODMAN, 65537), None);
    }

    #[test]
    fn user_namespaces() {
        assert!(is_of_first_user_namespace("         0          0 4294967295\n"));
        assert!(!is_of_first_user_namespace("         0       1000          1\n"));
        assert!(!is_of_first_user_namespace(""));
    }
}
