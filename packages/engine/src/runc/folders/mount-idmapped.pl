# mount-idmapped.pl SOURCE TARGET USER-NAMESPACE ro|rw
# Mounts SOURCE, and nothing that is mounted below it, at TARGET; ids are shown as the user namespace maps them. Perl, since it is on every
# Debian and calls the kernel by number; mount(8) learned it in util-linux 2.39 (X-mount.idmap), runc in 1.2.
# The numbers are those of amd64 and arm64 alike.
use strict;
use warnings;

my ($source, $target, $namespace, $mode) = @ARGV;
my ($open_tree, $move_mount, $mount_setattr) = (428, 429, 442);
my ($here, $empty) = (-100, "");    # AT_FDCWD

# OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW | O_CLOEXEC: a link that took the folder's place is no folder.
my $tree = syscall($open_tree, $here, $source, 1 | 0x100 | 0x80000);
die "open_tree: $!\n" if $tree < 0;
open(my $users, '<', $namespace) or die "open $namespace: $!\n";
# MOUNT_ATTR_IDMAP | NOSUID | NODEV, and RDONLY.
my $flags = 0x100000 | 2 | 4 | ($mode eq "ro" ? 1 : 0);
my $attributes = pack("Q4", $flags, 0, 0, fileno($users));
# AT_EMPTY_PATH
syscall($mount_setattr, $tree, $empty, 0x1000, $attributes, 32) == 0 or die "mount_setattr: $!\n";
# MOVE_MOUNT_F_EMPTY_PATH
syscall($move_mount, $tree, $empty, $here, $target, 4) == 0 or die "move_mount: $!\n";
