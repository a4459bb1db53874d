// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev.c - the mediated device, and its face to VFIO.
 *
 * Owns who is the client and for how long. Neither closing nor unmapping ever waits for the
 * server. Removal waits for the client to close, as VFIO has it.
 */
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "access.h"
#include "chan.h"
#include "info.h"
#include "mdev.h"

struct muser_vfio {
	struct vfio_device vdev; /* first: VFIO allocates it */
	struct muser *m;
};

static struct muser *mdev_instance(struct vfio_device *vdev)
{
	return container_of(vdev, struct muser_vfio, vdev)->m;
}

/* ---- the client ---------------------------------------------------------------------- */

/* Nobody else is in: VFIO opens and closes under a lock. */
static void mdev_client_set(struct muser *m, struct vfio_device *vdev)
{
	m->vdev = vdev;
	m->client_mm = current->mm;
	mmgrab(m->client_mm);
	m->client_uid = current_uid();
	mutex_lock(&m->state_lock);
	m->client_pid = get_pid(task_tgid(current));
	mutex_unlock(&m->state_lock);
}

static void mdev_client_clear(struct muser *m)
{
	m->vdev = NULL;
	m->client_shared = false;
	mmdrop(m->client_mm);
	m->client_mm = NULL;
	mutex_lock(&m->state_lock);
	put_pid(m->client_pid);
	m->client_pid = NULL;
	mutex_unlock(&m->state_lock);
}

static void mdev_client_enter(struct muser *m)
{
	mutex_lock(&m->state_lock);
	if (!m->client_open) {
		muser_dma_admit(m);
		handshake_client_opened(m);
		/* Pairs with mdev_called(): the server is sent CLIENT_OPEN before any call. */
		smp_store_release(&m->client_open, true);
	}
	mutex_unlock(&m->state_lock);
}

static void mdev_client_leave(struct muser *m)
{
	mutex_lock(&m->state_lock);
	if (m->client_open) {
		WRITE_ONCE(m->client_open, false);
		handshake_client_closed(m);
	}
	mutex_unlock(&m->state_lock);
}

/*
 * The client calls. Its first call makes it the server's client, not open_device: 6.1 registers a
 * device for dma_unmap after that, and what the server had pinned in between would stay pinned.
 * NULL: it is not the only one.
 */
static struct muser *mdev_called(struct vfio_device *vdev)
{
	struct muser *m = mdev_instance(vdev);

	if (unlikely(muser_client_is_shared(m)))
		return NULL;
	/* Pairs with mdev_client_enter(). */
	if (unlikely(!smp_load_acquire(&m->client_open)))
		mdev_client_enter(m);
	return m;
}

static int mdev_open(struct vfio_device *vdev)
{
	struct muser *m = mdev_instance(vdev);
	int ret;

	if (!current->mm)
		return -EINVAL;
	ret = chan_wait_ready(m);
	if (ret)
		return ret;
	mdev_client_set(m, vdev);
	muser_dma_open(m);
	return 0;
}

static void mdev_close(struct vfio_device *vdev)
{
	struct muser *m = mdev_instance(vdev);

	mdev_client_leave(m);
	muser_dma_close(m);
	muser_irq_close(m);
	mdev_client_clear(m);
}

/* ---- its calls ----------------------------------------------------------------------- */

static ssize_t mdev_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *pos)
{
	struct muser *m = mdev_called(vdev);

	return m ? access_region_rw(m, buf, count, pos, false) : -EBUSY;
}

static ssize_t mdev_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			  loff_t *pos)
{
	struct muser *m = mdev_called(vdev);

	return m ? access_region_rw(m, (char __user *)buf, count, pos, true) : -EBUSY;
}

static int mdev_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct muser *m = mdev_called(vdev);

	return m ? access_mmap(m, vma) : -EBUSY;
}

static int mdev_set_irqs(struct muser *m, void __user *user)
{
	const size_t size = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set set;
	size_t data_size = 0;
	void *data = NULL;
	u32 count;
	int ret;

	if (copy_from_user(&set, user, size))
		return -EFAULT;
	if (set.index >= m->desc->nr_irqs)
		return -EINVAL;
	set.index = array_index_nospec(set.index, m->desc->nr_irqs);
	count = m->desc->irq[set.index].count;
	ret = vfio_set_irqs_validate_and_prepare(&set, count, m->desc->nr_irqs, &data_size);
	if (ret)
		return ret;
	set.start = array_index_nospec(set.start, count);
	if (data_size) {
		data = memdup_user(user + size, data_size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = muser_irq_set(m, &set, data);
	kfree(data);
	return ret;
}

static int mdev_reset(struct muser *m)
{
	struct muser_request req = { .cmd = CHAN_RESET };

	if (!(m->desc->flags & VFIO_DEVICE_FLAGS_RESET))
		return -EINVAL;
	return muser_call(m, &req);
}

static long mdev_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct muser *m = mdev_called(vdev);
	void __user *user = (void __user *)arg;

	if (!m)
		return -EBUSY;
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return info_device(m, user);
#ifndef HAVE_VFIO_REGION_INFO_CAPS
	case VFIO_DEVICE_GET_REGION_INFO:
		return info_region_ioctl(m, user);
#endif
	case VFIO_DEVICE_GET_IRQ_INFO:
		return info_irq(m, user);
	case VFIO_DEVICE_SET_IRQS:
		return mdev_set_irqs(m, user);
	case VFIO_DEVICE_RESET:
		return mdev_reset(m);
	default:
		return -ENOTTY;
	}
}

#ifdef HAVE_VFIO_REGION_INFO_CAPS
static int mdev_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			    struct vfio_info_cap *caps)
{
	struct muser *m = mdev_called(vdev);

	return m ? info_region(m, info, caps) : -EBUSY;
}
#endif

/* The removal has begun and is not undone. Who waits for another server would never hear of it. */
static void mdev_request(struct vfio_device *vdev, unsigned int count)
{
	struct muser *m = mdev_instance(vdev);

	chan_set_policy(m, MUSER_FAIL);
	muser_irq_request(m, count);
	if (!count)
		dev_notice(vdev->dev, "waiting for the client to close the device\n");
}

static void mdev_dma_unmap(struct vfio_device *vdev, u64 iova, u64 size)
{
	muser_dma_unmap(mdev_instance(vdev), iova, size);
}

static int mdev_init(struct vfio_device *vdev)
{
	struct muser_vfio *v = container_of(vdev, struct muser_vfio, vdev);
	struct muser *m = muser_new(&to_mdev_device(vdev->dev)->uuid);

	if (IS_ERR(m))
		return PTR_ERR(m);
	v->m = m;
	return 0;
}

static void mdev_release(struct vfio_device *vdev)
{
	muser_put(mdev_instance(vdev));
#ifdef HAVE_VFIO_FREE_DEVICE
	vfio_free_device(vdev);
#endif
}

static const struct vfio_device_ops mdev_ops = {
	.name = "muser",
	.init = mdev_init,
	.release = mdev_release,
	.open_device = mdev_open,
	.close_device = mdev_close,
	.read = mdev_read,
	.write = mdev_write,
	.ioctl = mdev_ioctl,
#ifdef HAVE_VFIO_REGION_INFO_CAPS
	.get_region_info_caps = mdev_region_info,
#endif
	.mmap = mdev_mmap,
	.request = mdev_request,
	.dma_unmap = mdev_dma_unmap,
#ifdef HAVE_VFIO_IOMMUFD
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
#endif
#ifdef HAVE_VFIO_IOMMUFD_DETACH
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
};

struct muser *muser_of_device(struct device *dev)
{
	const struct muser_vfio *v = dev_get_drvdata(dev);

	return v->m;
}

/* ---- life ---------------------------------------------------------------------------- */

static int mdev_probe(struct mdev_device *mdev)
{
	struct muser_vfio *v = vfio_alloc_device(muser_vfio, vdev, &mdev->dev, &mdev_ops);
	int ret;

	if (IS_ERR(v))
		return PTR_ERR(v);
	muser_event_init(v->m, &mdev->dev);
	dev_set_drvdata(&mdev->dev, v);
	ret = vfio_register_emulated_iommu_dev(&v->vdev);
	if (ret)
		goto put;
	ret = muser_node_add(v->m, &mdev->dev);
	if (ret)
		goto unregister;
	return 0;

unregister:
	vfio_unregister_group_dev(&v->vdev);
put:
	vfio_put_device(&v->vdev);
	return ret;
}

/*
 * The client closes first; until then the server goes on serving. Then the server's file says
 * that the device was removed, and lives on as an empty shell until it is closed.
 */
static void mdev_remove(struct mdev_device *mdev)
{
	struct muser_vfio *v = dev_get_drvdata(&mdev->dev);
	struct muser *m = v->m;

	vfio_unregister_group_dev(&v->vdev);
	muser_node_remove(m);
	mutex_lock(&m->state_lock);
	chan_server_gone(m, MUSER_REMOVED);
	mutex_unlock(&m->state_lock);
	flush_work(&m->chan->handshake);
	/* There are no more: the state is the last one. */
	cancel_work_sync(&m->state_event);
	vfio_put_device(&v->vdev);
}

static ssize_t mdev_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "PCI device, emulated by a process\n");
}

struct mdev_driver muser_mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = mdev_probe,
	.remove = mdev_remove,
	.show_description = mdev_description,
	.driver = {
		.name = "muser",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = muser_sysfs_groups,
	},
};
