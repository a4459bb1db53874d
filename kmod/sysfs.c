// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs.c - attributes of an instance, in the directory of its mediated device.
 *
 * Owns their names and texts, and the events that tell of states. All are there as long as the
 * device is; none waits for a peer.
 */
#include <linux/sysfs.h>

#include "chan.h"
#include "mdev.h"
#include "trace.h"

static const struct {
	enum muser_state state;
	const char *name;
} sysfs_states[] = { MUSER_STATE_NAMES };

static const char *const sysfs_policies[] = {
	[MUSER_FAIL] = "fail",
	[MUSER_WAIT] = "wait",
};

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", sysfs_states[READ_ONCE(muser_of_device(dev)->state)].name);
}
static DEVICE_ATTR_RO(state);

/*
 * An event for udev when the server begins to hang, and when it does no longer: one for many that
 * follow too fast, of the state as it is then.
 */
static void sysfs_event_work(struct work_struct *work)
{
	struct muser *m = container_of(work, struct muser, state_event);
	char text[32], *env[] = { text, NULL };

	snprintf(text, sizeof(text), "MUSER_STATE=%s", sysfs_states[READ_ONCE(m->state)].name);
	kobject_uevent_env(&m->dev->kobj, KOBJ_CHANGE, env);
}

void muser_event_init(struct muser *m, struct device *mdev)
{
	m->dev = mdev;
	INIT_WORK(&m->state_event, sysfs_event_work);
}

/* 0: there is no such process, or none that the reader can see. */
static ssize_t sysfs_show_pid(struct muser *m, struct pid **pid, char *buf)
{
	pid_t nr;

	mutex_lock(&m->state_lock);
	nr = pid_vnr(*pid);
	mutex_unlock(&m->state_lock);
	return sysfs_emit(buf, "%d\n", nr);
}

static ssize_t server_pid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct muser *m = muser_of_device(dev);

	return sysfs_show_pid(m, &m->server_pid, buf);
}
static DEVICE_ATTR_RO(server_pid);

static ssize_t client_pid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct muser *m = muser_of_device(dev);

	return sysfs_show_pid(m, &m->client_pid, buf);
}
static DEVICE_ATTR_RO(client_pid);

static ssize_t served_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->stats.served));
}
static DEVICE_ATTR_RO(served);

static ssize_t outstanding_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(muser_of_device(dev)->chan->outstanding));
}
static DEVICE_ATTR_RO(outstanding);

static ssize_t restarts_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(muser_of_device(dev)->restarts));
}
static DEVICE_ATTR_RO(restarts);

static ssize_t pinned_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", muser_dma_pinned(muser_of_device(dev)));
}
static DEVICE_ATTR_RO(pinned_pages);

static ssize_t policy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", sysfs_policies[READ_ONCE(muser_of_device(dev)->policy)]);
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	int policy = sysfs_match_string(sysfs_policies, buf);

	if (policy < 0)
		return policy;
	chan_set_policy(muser_of_device(dev), policy);
	return count;
}
static DEVICE_ATTR_RW(policy);

static ssize_t timeout_ms_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(muser_of_device(dev)->timeout_ms));
}

/* For requests to come. */
static ssize_t timeout_ms_store(struct device *dev, struct device_attribute *attr, const char *buf,
				size_t count)
{
	unsigned int ms;
	int ret = kstrtouint(buf, 0, &ms);

	if (ret)
		return ret;
	WRITE_ONCE(muser_of_device(dev)->timeout_ms, ms);
	return count;
}
static DEVICE_ATTR_RW(timeout_ms);

static ssize_t max_memory_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->mem.max));
}

/* For memory to come. */
static ssize_t max_memory_store(struct device *dev, struct device_attribute *attr, const char *buf,
				size_t count)
{
	u64 bytes;
	int ret = kstrtou64(buf, 0, &bytes);

	if (ret)
		return ret;
	WRITE_ONCE(muser_of_device(dev)->mem.max, bytes);
	return count;
}
static DEVICE_ATTR_RW(max_memory);

static ssize_t direct_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", muser_dma_is_direct(muser_of_device(dev)));
}

static ssize_t direct_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	bool direct;
	int ret = kstrtobool(buf, &direct);

	if (ret)
		return ret;
	muser_dma_set_direct(muser_of_device(dev), direct);
	return count;
}
static DEVICE_ATTR_RW(direct);

static struct attribute *sysfs_attrs[] = {
	&dev_attr_state.attr,        &dev_attr_server_pid.attr,  &dev_attr_client_pid.attr,
	&dev_attr_served.attr,       &dev_attr_outstanding.attr, &dev_attr_restarts.attr,
	&dev_attr_pinned_pages.attr, &dev_attr_policy.attr,      &dev_attr_timeout_ms.attr,
	&dev_attr_max_memory.attr,   &dev_attr_direct.attr,      NULL,
};

static const struct attribute_group sysfs_group = {
	.attrs = sysfs_attrs,
};

/* ---- stats/ --------------------------------------------------------------------------- */

static ssize_t errors_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->stats.errors));
}
static DEVICE_ATTR_RO(errors);

static ssize_t timeouts_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->stats.timeouts));
}
static DEVICE_ATTR_RO(timeouts);

static ssize_t interrupts_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->stats.interrupts));
}
static DEVICE_ATTR_RO(interrupts);

static ssize_t copied_bytes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n",
			  (long long)atomic64_read(&muser_of_device(dev)->stats.copied));
}
static DEVICE_ATTR_RO(copied_bytes);

static ssize_t peak_pinned_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(muser_of_device(dev)->stats.peak_pinned));
}
static DEVICE_ATTR_RO(peak_pinned_pages);

static ssize_t memory_bytes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", muser_mem_size(muser_of_device(dev)));
}
static DEVICE_ATTR_RO(memory_bytes);

static struct attribute *sysfs_stats_attrs[] = {
	&dev_attr_errors.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_copied_bytes.attr,
	&dev_attr_peak_pinned_pages.attr,
	&dev_attr_memory_bytes.attr,
	NULL,
};

static const struct attribute_group sysfs_stats_group = {
	.name = "stats",
	.attrs = sysfs_stats_attrs,
};

const struct attribute_group *muser_sysfs_groups[] = {
	&sysfs_group,
	&sysfs_stats_group,
	NULL,
};
