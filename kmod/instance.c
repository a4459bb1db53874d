// SPDX-License-Identifier: GPL-2.0-only
/*
 * instance.c - instances, from their birth to their last reference, and their nodes
 * /dev/muser/<uuid>, by number.
 *
 * Each has an inode of its own, in whose mapping is what server and client have mapped of it: the
 * client's memory by address, and behind that device memory. So it is found, and unmapped, as a
 * whole.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "chan.h"
#include "mdev.h"

/* How long an access waits for its answer, unless the attribute says otherwise. */
#define INSTANCE_TIMEOUT_MS 30000U

/* Devices are released some time after their removal; unloading waits for it. */
static atomic_t instances;
static DECLARE_WAIT_QUEUE_HEAD(instances_gone);

static struct vfsmount *instance_mount;

static struct class *node_class;
static dev_t node_first;
static DEFINE_IDR(minors);
static DEFINE_MUTEX(minors_lock);

/* ---- instances ----------------------------------------------------------------------- */

static void instance_release(struct kref *ref)
{
	struct muser *m = container_of(ref, struct muser, ref);

	muser_irq_free(m);
	muser_dma_free(m);
	muser_mem_free(m);
	if (m->chan)
		timeout_exit(m->chan);
	chan_free(m);
	desc_free(m->desc);
	if (!IS_ERR_OR_NULL(m->inode))
		iput(m->inode);
	kfree(m);
	if (atomic_dec_and_test(&instances))
		wake_up_all(&instances_gone);
}

static int instance_init(struct muser *m)
{
	int ret = chan_new(m);

	if (ret)
		return ret;
	handshake_init(m);
	timeout_init(m->chan);
	ret = muser_mem_init(m);
	ret = ret ?: muser_dma_init(m);
	ret = ret ?: muser_irq_init(m);
	if (ret)
		return ret;
	m->inode = alloc_anon_inode(instance_mount->mnt_sb);
	return PTR_ERR_OR_ZERO(m->inode);
}

struct muser *muser_new(const guid_t *uuid)
{
	struct muser *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int ret;

	if (!m)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&instances);
	kref_init(&m->ref);
	m->release = instance_release;
	guid_copy(&m->uuid, uuid);
	m->minor = -1;
	mutex_init(&m->state_lock);
	spin_lock_init(&m->lock);
	m->timeout_ms = INSTANCE_TIMEOUT_MS;
	ret = instance_init(m);
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

	mutex_lock(&minors_lock);
	m = idr_find(&minors, minor);
	if (m)
		muser_get(m);
	mutex_unlock(&minors_lock);
	return m;
}

static void node_forget(struct muser *m)
{
	mutex_lock(&minors_lock);
	idr_remove(&minors, m->minor);
	mutex_unlock(&minors_lock);
}

/* The node comes with an event for udev, so this is the last step of creation. */
int muser_node_add(struct muser *m, struct device *parent)
{
	struct device *dev;

	mutex_lock(&minors_lock);
	/* In turn: a node that somebody still holds by its path opens no other device. */
	m->minor = idr_alloc_cyclic(&minors, m, 0, MUSER_MINORS, GFP_KERNEL);
	mutex_unlock(&minors_lock);
	if (m->minor < 0)
		return m->minor;
	dev = device_create(node_class, parent, MKDEV(MAJOR(node_first), m->minor), NULL, "%pUl",
			    &m->uuid);
	if (IS_ERR(dev)) {
		node_forget(m);
		return PTR_ERR(dev);
	}
	return 0;
}

void muser_node_remove(struct muser *m)
{
	device_destroy(node_class, MKDEV(MAJOR(node_first), m->minor));
	node_forget(m);
}

/* ---- the module ---------------------------------------------------------------------- */

static int instance_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x6d757372) ? 0 : -ENOMEM;
}

/* Without an owner: its one mount would keep the module from being unloaded. */
static struct file_system_type instance_fs = {
	.name = "muser",
	.init_fs_context = instance_init_fs_context,
	.kill_sb = kill_anon_super,
};

int muser_instances_setup(dev_t first)
{
	node_first = first;
	instance_mount = kern_mount(&instance_fs);
	return PTR_ERR_OR_ZERO(instance_mount);
}

void muser_instances_class(struct class *class)
{
	node_class = class;
}

void muser_instances_wait(void)
{
	wait_event(instances_gone, !atomic_read(&instances));
}

void muser_instances_cleanup(void)
{
	kern_unmount(instance_mount);
	idr_destroy(&minors);
}
