// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - muser.ko: mediated PCI devices that processes emulate.
 *
 * Owns the module: its class and parent device (/sys/class/muser/muser), the numbers of the
 * nodes /dev/muser/<uuid>, and instances from their birth to their last reference. Each has an
 * inode of its own, in whose mapping is what server and client have mapped of it: the client's
 * memory by address, and behind that device memory. So it is found, and unmapped, as a whole.
 */
#include <linux/cdev.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/stringify.h>

#include "chan.h"
#include "mdev.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* How long an access waits for its answer, unless the attribute says otherwise. */
#define MAIN_TIMEOUT_MS 30000U
#define MAIN_MINORS     (MINORMASK + 1)

static unsigned int main_available = 1024;
module_param_named(available_instances, main_available, uint, 0444);
MODULE_PARM_DESC(available_instances, "Devices that can be created (1024)");

unsigned long muser_max_memory = 1UL << 30;
module_param_named(max_memory, muser_max_memory, ulong, 0644);
MODULE_PARM_DESC(max_memory, "Bytes of device memory that a new device may have (1 GiB)");

static struct class *main_class;
static struct device *main_device;
static struct cdev main_cdev;
static dev_t main_first;
static struct mdev_parent main_parent;
static struct vfsmount *main_mount;

/* Devices are released some time after their removal; unloading waits for it. */
static atomic_t main_instances;
static DECLARE_WAIT_QUEUE_HEAD(main_gone);

static DEFINE_IDR(main_minors);
static DEFINE_MUTEX(main_minors_lock);

/* ---- instances ----------------------------------------------------------------------- */

static void main_release(struct kref *ref)
{
	struct muser *m = container_of(ref, struct muser, ref);

	muser_irq_free(m);
	muser_dma_free(m);
	muser_mem_free(m);
	chan_free(m);
	desc_free(m->desc);
	if (!IS_ERR_OR_NULL(m->inode))
		iput(m->inode);
	kfree(m);
	if (atomic_dec_and_test(&main_instances))
		wake_up_all(&main_gone);
}

void muser_get(struct muser *m)
{
	kref_get(&m->ref);
}

/* May sleep. */
void muser_put(struct muser *m)
{
	kref_put(&m->ref, main_release);
}

static int main_init_parts(struct muser *m)
{
	int ret = chan_new(m);

	ret = ret ?: muser_mem_init(m);
	ret = ret ?: muser_dma_init(m);
	ret = ret ?: muser_irq_init(m);
	if (ret)
		return ret;
	m->inode = alloc_anon_inode(main_mount->mnt_sb);
	return PTR_ERR_OR_ZERO(m->inode);
}

struct muser *muser_new(const guid_t *uuid)
{
	struct muser *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int ret;

	if (!m)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&main_instances);
	kref_init(&m->ref);
	guid_copy(&m->uuid, uuid);
	m->minor = -1;
	mutex_init(&m->state_lock);
	spin_lock_init(&m->lock);
	m->timeout_ms = MAIN_TIMEOUT_MS;
	ret = main_init_parts(m);
	if (ret) {
		muser_put(m);
		return ERR_PTR(ret);
	}
	return m;
}

/* ---- nodes --------------------------------------------------------------------------- */

/* With a reference; NULL: there is none. */
struct muser *muser_node_find(int minor)
{
	struct muser *m;

	mutex_lock(&main_minors_lock);
	m = idr_find(&main_minors, minor);
	if (m)
		muser_get(m);
	mutex_unlock(&main_minors_lock);
	return m;
}

static void main_forget(struct muser *m)
{
	mutex_lock(&main_minors_lock);
	idr_remove(&main_minors, m->minor);
	mutex_unlock(&main_minors_lock);
}

/* The node comes with an event for udev, so this is the last step of creation. */
int muser_node_add(struct muser *m, struct device *parent)
{
	struct device *dev;

	mutex_lock(&main_minors_lock);
	/* In turn: a node that somebody still holds by its path opens no other device. */
	m->minor = idr_alloc_cyclic(&main_minors, m, 0, MAIN_MINORS, GFP_KERNEL);
	mutex_unlock(&main_minors_lock);
	if (m->minor < 0)
		return m->minor;
	dev = device_create(main_class, parent, MKDEV(MAJOR(main_first), m->minor), NULL,
			    "%pUl", &m->uuid);
	if (IS_ERR(dev)) {
		main_forget(m);
		return PTR_ERR(dev);
	}
	return 0;
}

void muser_node_remove(struct muser *m)
{
	device_destroy(main_class, MKDEV(MAJOR(main_first), m->minor));
	main_forget(m);
}

static char *main_devnode(MUSER_DEVNODE_DEVICE *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "muser/%s", dev_name(dev));
}

/* ---- the module ---------------------------------------------------------------------- */

static struct mdev_type main_type = {
	.sysfs_name = "1",
	.pretty_name = "muser",
};

static struct mdev_type *main_types[] = { &main_type };

static int main_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x6d757372) ? 0 : -ENOMEM;
}

/* Without an owner: its one mount would keep the module from being unloaded. */
static struct file_system_type main_fs = {
	.name = "muser",
	.init_fs_context = main_init_fs_context,
	.kill_sb = kill_anon_super,
};

static int __init main_init_nodes(void)
{
	int ret;

	main_mount = kern_mount(&main_fs);
	if (IS_ERR(main_mount))
		return PTR_ERR(main_mount);
	ret = alloc_chrdev_region(&main_first, 0, MAIN_MINORS, "muser");
	if (ret)
		goto unmount;
	cdev_init(&main_cdev, &muser_server_fops);
	main_cdev.owner = THIS_MODULE;
	ret = cdev_add(&main_cdev, main_first, MAIN_MINORS);
	if (ret)
		goto unregister;
	return 0;

unregister:
	unregister_chrdev_region(main_first, MAIN_MINORS);
unmount:
	kern_unmount(main_mount);
	return ret;
}

static void main_exit_nodes(void)
{
	cdev_del(&main_cdev);
	unregister_chrdev_region(main_first, MAIN_MINORS);
	kern_unmount(main_mount);
	idr_destroy(&main_minors);
}

static int __init main_init_class(void)
{
	main_class = muser_class_create("muser");
	if (IS_ERR(main_class))
		return PTR_ERR(main_class);
	main_class->devnode = main_devnode;
	main_device = device_create(main_class, NULL, MKDEV(0, 0), NULL, "muser");
	if (IS_ERR(main_device)) {
		class_destroy(main_class);
		return PTR_ERR(main_device);
	}
	return 0;
}

static void main_exit_class(void)
{
	device_unregister(main_device);
	class_destroy(main_class);
}

static int __init main_init_mdev(void)
{
	int ret;

	muser_mdev_driver.max_instances = min(main_available, MAIN_MINORS);
	ret = mdev_register_driver(&muser_mdev_driver);
	if (ret)
		return ret;
	ret = mdev_register_parent(&main_parent, main_device, &muser_mdev_driver, main_types,
				   ARRAY_SIZE(main_types));
	if (ret)
		mdev_unregister_driver(&muser_mdev_driver);
	return ret;
}

static int __init main_init(void)
{
	int ret = handshake_setup();

	if (ret)
		return ret;
	ret = limit_setup();
	if (ret)
		goto handshake;
	ret = main_init_nodes();
	if (ret)
		goto limit;
	ret = main_init_class();
	if (ret)
		goto nodes;
	ret = main_init_mdev();
	if (ret)
		goto class;
	return 0;

class:
	main_exit_class();
nodes:
	main_exit_nodes();
limit:
	limit_cleanup();
handshake:
	handshake_cleanup();
	return ret;
}

/* Nobody has a node or a device open: open files count as users of the module. */
static void __exit main_exit(void)
{
	mdev_unregister_parent(&main_parent);
	mdev_unregister_driver(&muser_mdev_driver);
	wait_event(main_gone, !atomic_read(&main_instances));
	muser_dma_cleanup();
	main_exit_class();
	main_exit_nodes();
	limit_cleanup();
	handshake_cleanup();
}

module_init(main_init);
module_exit(main_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The muser authors");
MODULE_DESCRIPTION("Mediated PCI devices that processes emulate");
MODULE_VERSION(__stringify(MUSER_VERSION));
