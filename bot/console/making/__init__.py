"""Making a campaign in five steps, each with its own address: 给谁, 为了什么, 写什么, 什么时候, 检查."""
