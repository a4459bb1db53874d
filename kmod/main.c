// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - muser.ko: mediated PCI devices emulated by processes.
 *
 * Owns the module: its class and parent device (/sys/class/muser/muser), its type of mdev, and the
 * device numbers of all nodes.
 */
#include <linux/cdev.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/stringify.h>

#include "chan.h"
#include "mdev.h"

static unsigned int main_available = 1024;
module_param_named(available_instances, main_available, uint, 0444);
MODULE_PARM_DESC(available_instances, "Maximum number of devices (default: 1024)");

static struct class *main_class;
static struct device *main_device;
static struct cdev main_cdev;
static dev_t main_first;
static struct mdev_parent main_parent;

/* ---- the module ---------------------------------------------------------------------- */

static struct mdev_type main_type = {
	.sysfs_name = "1",
	.pretty_name = "muser",
};

static struct mdev_type *main_types[] = { &main_type };

static char *main_devnode(MUSER_DEVNODE_DEVICE *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "muser/%s", dev_name(dev));
}

static int __init main_init_nodes(void)
{
	int ret;

	ret = alloc_chrdev_region(&main_first, 0, MUSER_MINORS, "muser");
	if (ret)
		return ret;
	ret = muser_instances_setup(main_first);
	if (ret)
		goto unregister;
	cdev_init(&main_cdev, &muser_server_fops);
	main_cdev.owner = THIS_MODULE;
	ret = cdev_add(&main_cdev, main_first, MUSER_MINORS);
	if (ret)
		goto instances;
	return 0;

instances:
	muser_instances_cleanup();
unregister:
	unregister_chrdev_region(main_first, MUSER_MINORS);
	return ret;
}

static void main_exit_nodes(void)
{
	cdev_del(&main_cdev);
	muser_instances_cleanup();
	unregister_chrdev_region(main_first, MUSER_MINORS);
}

static int __init main_init_class(void)
{
	main_class = muser_class_create("muser");
	if (IS_ERR(main_class))
		return PTR_ERR(main_class);
	main_class->devnode = main_devnode;
	muser_instances_class(main_class);
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

	muser_mdev_driver.max_instances = min(main_available, MUSER_MINORS);
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
	ret = timeout_setup();
	if (ret)
		goto handshake;
	ret = main_init_nodes();
	if (ret)
		goto timeout;
	ret = main_init_class();
	if (ret)
		goto nodes;
	ret = main_init_mdev();
	if (ret)
		goto char_class;
	return 0;

char_class:
	main_exit_class();
nodes:
	main_exit_nodes();
timeout:
	timeout_cleanup();
handshake:
	handshake_cleanup();
	return ret;
}

/* Nobody has a node or a device open: open files count as users of the module. */
static void __exit main_exit(void)
{
	mdev_unregister_parent(&main_parent);
	mdev_unregister_driver(&muser_mdev_driver);
	muser_instances_wait();
	muser_dma_cleanup();
	main_exit_class();
	main_exit_nodes();
	timeout_cleanup();
	handshake_cleanup();
}

module_init(main_init);
module_exit(main_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The muser authors");
MODULE_DESCRIPTION("Mediated PCI devices emulated by processes");
MODULE_VERSION(__stringify(MUSER_VERSION));
