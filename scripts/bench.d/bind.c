/*
 * The measure of a table of binds: reads the table that is its argument, makes the system calls that each line needs, and
 * nothing else. A line is SOURCE TARGET and whatever follows; there are no escapes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bind(const char *source, const char *target)
{
	int tree = syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -1;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -1;
	return close(tree);
}

int main(int argc, char **argv)
{
	char line[8192], source[4096], target[4096];
	FILE *table = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!table)
		return 2;
	while (fgets(line, sizeof line, table)) {
		if (sscanf(line, "%4095s %4095s", source, target) != 2)
			return 2;
		if (bind(source, target) < 0) {
			perror(target);
			return 1;
		}
	}
	return 0;
}
