/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor_mdev.c - looks at what mediated devices need: modules, permissions, limits.
 * Whoever has no muser.ko needs none of it: then nothing here is worse than a warning.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <muser.h>

#include "doctor/doctor.h"
#include "mdev/mdev.h"

#define RULE     "60-muser.rules"
#define GROUP    "muser"
#define VFIO     "/dev/vfio/vfio"
#define NOT_USED "not needed without muser.ko"
#define OPTIONAL "vfio-user needs no module"

static bool is_loaded(void)
{
	return mdev_module("muser") == MODULE_LOADED;
}

/* ---- modules --------------------------------------------------------------------- */

static void look_module(struct finding *f, const char *name, const char *install, const char *load)
{
	enum module module = mdev_module(name);
	char path[128], version[64];

	snprintf(path, sizeof(path), "/sys/module/%s/version", name);
	mdev_read(path, version, sizeof(version));
	if (module == MODULE_LOADED)
		doctor_say(f, HEALTH_OK, "", "%s%s%s is loaded", name, *version ? " " : "",
			   version);
	else if (module == MODULE_PRESENT)
		doctor_say(f, HEALTH_WARN, load, "%s is installed, not loaded", name);
	else
		doctor_say(f, HEALTH_WARN, install, "%s is not installed", name);
}

void doctor_muser(struct finding *f)
{
	char version[64];

	mdev_read("/sys/module/muser/version", version, sizeof(version));
	if (*version && strcmp(version, lm_version()))
		doctor_say(f, HEALTH_WARN, "load the muser.ko that came with this musctl",
			   "muser %s is loaded, musctl is %s", version, lm_version());
	else
		look_module(f, "muser", "make install-kmod, for mediated devices; " OPTIONAL,
			    "modprobe muser, for mediated devices; " OPTIONAL);
}

void doctor_mdev(struct finding *f)
{
	look_module(f, "mdev", "a kernel with CONFIG_VFIO_MDEV, for muser.ko; " OPTIONAL,
		    "nothing to do: modprobe muser loads it");
}

/* ---- instances ------------------------------------------------------------------- */

/* The first mdev for which fn is true, if there is one. */
static bool each_mdev(bool (*fn)(const char *uuid), char *found)
{
	struct uuid_list list;
	bool is_there = false;
	size_t i;

	if (mdev_list(&list))
		return false;
	for (i = 0; i < list.nr && !is_there; i++) {
		is_there = fn(list.uuids[i]);
		if (is_there && found)
			memcpy(found, list.uuids[i], UUID_SIZE);
	}
	uuid_list_free(&list);
	return is_there;
}

static bool is_servable(const char *uuid)
{
	return mdev_node(uuid) == 0;
}

static bool is_refused(const char *uuid)
{
	return mdev_node(uuid) == -EACCES;
}

static bool has_closed_group(const char *uuid)
{
	unsigned int group;
	char path[64];

	if (mdev_group(uuid, &group))
		return false;
	snprintf(path, sizeof(path), "/dev/vfio/%u", group);
	return mdev_may(path, F_OK) && !mdev_may(path, R_OK | W_OK);
}

/* ---- types ----------------------------------------------------------------------- */

/* "muser-1: 16 free", one after the other. */
static int add_type(void *arg, const struct mdev_type *type)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 200 - len, "%s%s: %llu free", len ? ", " : "", type->id,
		 (unsigned long long)type->free);
	return 0;
}

void doctor_types(struct finding *f)
{
	const char *obstacle = mdev_obstacle();
	char types[200] = "";

	mdev_each_type(add_type, types);
	if (!is_loaded())
		doctor_say(f, HEALTH_OK, "", "%s", *types ? types : NOT_USED);
	else if (!mdev_may(MDEV_TYPE, F_OK))
		doctor_say(f, HEALTH_FAIL, "unload muser and load it again; see dmesg",
			   "muser.ko is loaded but offers no mdev type " MDEV_TYPE_ID);
	else if (obstacle && !mdev_may(MDEV_TYPE "/create", W_OK) && each_mdev(is_servable, NULL))
		doctor_say(f, HEALTH_OK, "",
			   "%s; only root can create them, this user can "
			   "serve some",
			   types);
	else if (obstacle)
		doctor_say(f, HEALTH_WARN, obstacle, "%s%s", types,
			   mdev_may(MDEV_TYPE "/create", W_OK) ? "" :
								 "; this user cannot create them");
	else
		doctor_say(f, HEALTH_OK, "", "%s", types);
}

/* ---- permissions ----------------------------------------------------------------- */

/* Behind the container: type 1, or, in kernels that do not have it, iommufd. */
static bool has_iommu(void)
{
	const enum module type1 = mdev_module("vfio_iommu_type1");

	return type1 == MODULE_LOADED ||
	       (type1 == MODULE_ABSENT && mdev_module("iommufd") == MODULE_LOADED);
}

/* What clients open: the container, and a node for each group, which is root's. */
void doctor_vfio(struct finding *f)
{
	enum health bad = is_loaded() ? HEALTH_FAIL : HEALTH_OK;
	char uuid[UUID_SIZE];
	unsigned int group;

	if (!mdev_may(VFIO, F_OK))
		doctor_say(f, bad, is_loaded() ? "modprobe vfio_iommu_type1" : "",
			   VFIO " does not exist%s", is_loaded() ? "" : ": " NOT_USED);
	else if (!mdev_may(VFIO, R_OK | W_OK))
		doctor_say(f, HEALTH_WARN, "chmod 0666 it, as udev does: it gives no rights",
			   "no permission for " VFIO);
	else if (is_loaded() && !has_iommu())
		doctor_say(f, HEALTH_WARN, "modprobe vfio_iommu_type1",
			   "vfio_iommu_type1 is not loaded");
	else if (each_mdev(has_closed_group, uuid) && !mdev_group(uuid, &group))
		doctor_say(f, HEALTH_WARN, "chown it to the user who runs the client, see muser(4)",
			   "no permission for /dev/vfio/%u, group of %.8s", group, uuid);
	else
		doctor_say(f, HEALTH_OK, "", VFIO " can be opened");
}

static const char *find_rule(char *path, size_t size)
{
	static const char *const dirs[] = {
		"/etc/udev/rules.d",     "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
		"/usr/lib/udev/rules.d", "/lib/udev/rules.d",
	};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, size, "%s/" RULE, dirs[i]);
		if (mdev_may(path, F_OK))
			return path;
	}
	return NULL;
}

/* By the groups that this process has: /etc/group counts from the next login on. */
static bool is_member(gid_t gid)
{
	gid_t groups[256];
	int i, nr = getgroups(256, groups);

	for (i = 0; i < nr && groups[i] != gid; i++)
		;
	return i < nr || getegid() == gid || geteuid() == 0;
}

void doctor_nodes(struct finding *f)
{
	enum health bad = is_loaded() ? HEALTH_WARN : HEALTH_OK;
	const struct group *group = getgrnam(GROUP);
	char path[64], uuid[UUID_SIZE];

	if (!find_rule(path, sizeof(path)))
		doctor_say(f, bad, is_loaded() ? "make install-kmod installs it" : "",
			   "no udev rule " RULE ": only root can open /dev/muser nodes");
	else if (!group)
		doctor_say(f, bad, is_loaded() ? "groupadd --system " GROUP : "",
			   "%s, but no group " GROUP, path);
	else if (is_loaded() && !is_member(group->gr_gid))
		doctor_say(f, HEALTH_WARN, "usermod -aG " GROUP " USER, and log in again",
			   "%s; this user is not in group " GROUP, path);
	else if (each_mdev(is_refused, uuid))
		doctor_say(f, HEALTH_WARN, "udevadm control --reload; udevadm trigger -s muser",
			   "no permission for " MDEV_NODES "/%s", uuid);
	else
		doctor_say(f, HEALTH_OK, "", "%s, group " GROUP, path);
}

/* ---- limits ---------------------------------------------------------------------- */

/* Then the kernel counts, but does not limit. */
static bool has_ipc_lock(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return !syscall(SYS_capget, &head, data) && data[0].effective & CAP_TO_MASK(CAP_IPC_LOCK);
}

/* Only muser.ko pins guest memory. What counts is the soft limit: VFIO clients leave it. */
void doctor_memlock(struct finding *f)
{
	unsigned long long kib;
	struct rlimit limit;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	kib = (unsigned long long)limit.rlim_cur / 1024;
	if (limit.rlim_cur == RLIM_INFINITY || has_ipc_lock())
		doctor_say(f, HEALTH_OK, "", "locked memory is not limited%s",
			   limit.rlim_cur == RLIM_INFINITY ? "" : " for this user");
	else if (!is_loaded())
		doctor_say(f, HEALTH_OK, "", "locked memory: %llu KiB (enough for vfio-user)", kib);
	else
		doctor_say(
			f, HEALTH_WARN,
			limit.rlim_max == RLIM_INFINITY ?
				"ulimit -l unlimited, before guests with mediated devices start" :
				"raise it (limits.conf(5)) for those who run guests with mediated "
				"devices",
			"locked memory: %llu KiB", kib);
}
